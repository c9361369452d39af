"""Which statements a migration may not send to a table that is in use and has ten million rows."""

import re
from collections.abc import Collection, Sequence

_IDENTIFIER = r'(?:IF (?:NOT )?EXISTS )?(?:ONLY )?"?(\w+)"?'
_CONSTANT = r"(?:true|false|null|-?\d+|'[^']*'(?:::\w+)?)"
_RULES: tuple[tuple[str, str], ...] = (
    (rf"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).* ON {_IDENTIFIER}", "an index that is not built CONCURRENTLY"),
    (rf"LOCK (?:TABLE )?{_IDENTIFIER}", "a lock on a table"),
    (rf"(?:UPDATE|DELETE FROM|TRUNCATE|TRUNCATE TABLE) {_IDENTIFIER}", "rows are changed within the migration"),
    (rf"(?:CLUSTER|VACUUM FULL|REINDEX TABLE) {_IDENTIFIER}", "a table is rewritten"),
    (
        rf"ALTER TABLE {_IDENTIFIER} .*ALTER (?:COLUMN )?\S+ (?:SET DATA )?TYPE",
        "a column's type: the table is rewritten",
    ),
    (rf"ALTER TABLE {_IDENTIFIER} .*SET NOT NULL", "every row is read under a lock: CHECK … NOT VALID, VALIDATE"),
    (rf"ALTER TABLE {_IDENTIFIER} .*SET (?:LOGGED|UNLOGGED|TABLESPACE|ACCESS METHOD)", "the table is rewritten"),
    (
        rf"ALTER TABLE {_IDENTIFIER} .*ADD (?:CONSTRAINT \S+ )?(?:CHECK|FOREIGN KEY)(?!.*NOT VALID)",
        "a constraint without NOT VALID: every row is read under a lock",
    ),
    (
        rf"ALTER TABLE {_IDENTIFIER} .*ADD (?:CONSTRAINT \S+ )?(?:UNIQUE|PRIMARY KEY|EXCLUDE)(?!.*USING INDEX)",
        "a key that builds its index under a lock: CREATE UNIQUE INDEX CONCURRENTLY, ADD … USING INDEX",
    ),
    (
        rf"ALTER TABLE {_IDENTIFIER} .*ADD (?:COLUMN )?.*(?:DEFAULT (?!{_CONSTANT}(?:\s|,|$))|GENERATED|SERIAL)",
        "a default that is no constant: the table is rewritten",
    ),
    (
        rf"ALTER TABLE {_IDENTIFIER} .*ADD (?:COLUMN )?\S+ (?!.*DEFAULT).*NOT NULL(?! VALID)",
        "a column that must be filled, without a default: no row has it",
    ),
)
_DROP_INDEX = re.compile(r"DROP INDEX (?!CONCURRENTLY)", re.IGNORECASE)


def dangers(statements: Sequence[str], existing: Collection[str]) -> list[str]:
    """What is wrong with a migration's statements, given the tables that were there before it."""
    found = []
    for statement in (" ".join(each.split()) for each in statements):
        if _DROP_INDEX.match(statement):
            found.append(f"an index is dropped, not CONCURRENTLY: {statement}")
        for rule, why in _RULES:
            met = re.match(rule, statement, re.IGNORECASE)
            if met and met[1] in existing:
                found.append(f"{why}: {statement}")
    return found
