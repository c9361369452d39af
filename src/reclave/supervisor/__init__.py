"""What starts other processes of this program, watches them and ends them; it answers no page and reads no database."""

from reclave.supervisor.inherited import Inherited, inherited_from, listening, own_command
from reclave.supervisor.worker_process import WorkerProcess, loading_worker

__all__ = ["Inherited", "WorkerProcess", "inherited_from", "listening", "loading_worker", "own_command"]
