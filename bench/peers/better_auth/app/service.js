// better-auth on Node's own HTTP server, two processes. `node service.js migrate` lays its tables out.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { Algorithm, hash, verify } from "@node-rs/argon2";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import nodemailer from "nodemailer";
import pg from "pg";

const { PEER_DATABASE, PEER_SECRET, PEER_SMTP_PORT, PEER_PORT, PEER_PROCESSES } = process.env;
const cost = { algorithm: Algorithm.Argon2id, memoryCost: 19456, timeCost: 2, parallelism: 1 };

const mail = nodemailer.createTransport({
  host: "127.0.0.1",
  port: Number(PEER_SMTP_PORT),
  pool: true,
  ignoreTLS: true,
});

const options = {
  baseURL: `http://127.0.0.1:${PEER_PORT}`,
  secret: PEER_SECRET,
  database: new pg.Pool({ connectionString: PEER_DATABASE, max: 16 }),
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
  emailAndPassword: {
    enabled: true,
    password: { hash: (password) => hash(password, cost), verify: ({ hash: known, password }) => verify(known, password) },
    // Not awaited, as the documentation asks for.
    sendResetPassword: async ({ user, url }) => {
      void mail.sendMail({
        from: "portal@correo.example",
        to: user.email,
        subject: "Password reset",
        text: `You asked for a new password. Choose it here:\n${url}\n`,
      });
    },
  },
};

if (process.argv[2] === "migrate") {
  const { runMigrations } = await getMigrations(options);
  await runMigrations();
  process.exit(0);
}

if (cluster.isPrimary) {
  for (let number = 0; number < Number(PEER_PROCESSES); number += 1) cluster.fork();
  process.on("SIGTERM", () => process.exit(0));
} else {
  createServer(toNodeHandler(betterAuth(options))).listen(Number(PEER_PORT), "127.0.0.1");
}
