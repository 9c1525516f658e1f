#!/usr/bin/env python3
"""SQL stays where it belongs, and no value ever becomes part of a statement's text:
SQLite's names are used in gateway/store/db_sqlite*.c only, and never those of its
functions that run a text or build one."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
home = re.compile(r"gateway/store/db_sqlite[a-z_]*\.[ch]$")
forbidden = re.compile(r"\bsqlite3_(exec|get_table|v?mprintf|v?snprintf|str_v?append\w*|prepare(_v2)?)\b")
sources = sorted(p for p in root.rglob("*.[ch]"))
outside = [str(p) for p in sources if not home.search(str(p)) and "sqlite3" in p.read_text()]
used = [str(p) for p in sources if forbidden.search(p.read_text())]
at_home = [p for p in sources if home.search(str(p))]
printed = [str(p) for p in at_home
           if re.search(r'printf\([^;]*\b(SELECT|INSERT|UPDATE|DELETE|PRAGMA|CREATE) ', p.read_text())]


def check(number, bad, what):
    print(f"{'not ok' if bad else 'ok'} {number} - {what}{': ' + ', '.join(bad) if bad else ''}")
    return not bad


print("1..4")
good = [check(1, [] if at_home else ["nothing"], "there are files to look at"),
        check(2, outside, "SQLite is used in its files only"),
        check(3, used, "no statement is run from a text that was built"),
        check(4, printed, "no statement is printed")]
sys.exit(0 if all(good) else 1)
