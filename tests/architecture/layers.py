#!/usr/bin/env python3
"""Fails when an #include breaks the layer table of the design.

Usage: layers.py ROOT. Prints one line for each violation, `file:line: text`, and exits 1 when there is
any. Run by the build (target layer_check) and, with planted violations, by layers_test.py.
"""

import re
import sys
from pathlib import Path

CHECKED_FOLDERS = ("actors", "gateway", "metrics", "config")
SUFFIXES = {".hpp", ".cpp", ".def"}

# The longest matching prefix of a file's path decides its layer. `ours`: files (or folders, ending in
# "/") that it may include beside its own folder. `outside`: families of headers beside the standard
# library, see OUTSIDE; "*" allows everything.
LAYERS = {
    "actors/domain/": {"ours": [], "outside": []},
    # RapidJSON: the rest of a room is one JSON column.
    "actors/store/": {"ours": ["actors/domain/"], "outside": ["posix", "sqlite", "postgres", "rapidjson"]},
    # Asio and OpenSSL: the host ends TLS in front of a process with `transport = "tls"`.
    "actors/runner/": {"ours": ["actors/domain/"], "outside": ["posix", "asio", "boost", "openssl"]},
    # One shim lives beside every server process: it stays small.
    "actors/runner/shim/": {"ours": ["actors/runner/", "actors/domain/"], "outside": ["posix"]},
    "actors/wire/": {"ours": ["actors/domain/"], "outside": ["caf"]},
    # OpenSSL: the cluster's CA, and the certificates of its nodes.
    "actors/cluster/": {
        "ours": ["actors/domain/", "actors/wire/", "metrics/", "config/"],
        "outside": ["caf", "posix", "openssl"],
    },
    "actors/": {
        "ours": ["actors/", "metrics/", "config/"],
        "outside": ["caf", "boost", "fmt", "openssl", "posix"],
    },
    "metrics/": {"ours": [], "outside": ["prometheus", "fmt", "posix"]},
    # OpenSSL: certificates and keys are checked before a node starts.
    "config/": {"ours": ["actors/domain/"], "outside": ["toml", "fmt", "posix", "openssl"]},
    "gateway/json/": {"ours": ["actors/domain/"], "outside": ["rapidjson"]},
    "gateway/port/": {"ours": ["actors/domain/"], "outside": []},
    "gateway/http/": {
        "ours": ["actors/domain/", "metrics/", "config/"],
        "outside": ["asio", "beast", "boost", "openssl", "posix"],
    },
    "gateway/routes/": {
        "ours": [
            "gateway/http/message.hpp",
            "gateway/json/",
            "gateway/port/",
            "actors/domain/",
            "metrics/",
        ],
        # OpenSSL: digests of requests with an Idempotency-Key.
        "outside": ["openssl"],
    },
    "gateway/bridge/": {
        "ours": [
            "gateway/port/",
            "actors/interfaces.hpp",
            "actors/routing.hpp",
            "actors/wire/",
            "actors/domain/",
            "metrics/",
        ],
        # OpenSSL: tokens are compared by digest, in constant time.
        "outside": ["caf", "asio", "boost", "openssl"],
    },
    # The composition root alone sees everything.
    "gateway/main.cpp": {"ours": ["actors/", "gateway/", "metrics/", "config/"], "outside": ["*"]},
    "gateway/serve.": {"ours": ["actors/", "gateway/", "metrics/", "config/"], "outside": ["*"]},
    # CLI11 as main.cpp: one subcommand with verbs of its own.
    "gateway/certs_command.": {
        "ours": ["gateway/serve.hpp", "actors/cluster/", "actors/domain/"],
        "outside": ["cli11", "fmt"],
    },
    "gateway/secrets.": {"ours": ["gateway/secrets.hpp", "actors/domain/"], "outside": ["fmt", "posix"]},
}

# Families of headers from outside, by the start of their names; the longest match counts.
OUTSIDE = {
    "caf/": "caf",
    "boost/asio": "asio",
    "boost/beast": "beast",
    "boost/": "boost",
    "rapidjson/": "rapidjson",
    "prometheus/": "prometheus",
    "openssl/": "openssl",
    "sqlite3": "sqlite",
    "libpq-fe.h": "postgres",
    "toml++/": "toml",
    "CLI/": "cli11",
    "fmt/": "fmt",
    "spdlog/": "spdlog",
    "catch2/": "catch2",
}

# Headers that nobody may include, and why.
FORBIDDEN = {
    "caf/all.hpp": "it costs 1.6 s in each file; include what is used",
    "bits/stdc++.h": "it is not a standard header",
}

STANDARD = set(
    """
    algorithm any array atomic barrier bit bitset charconv chrono codecvt compare complex concepts
    condition_variable coroutine deque exception execution filesystem format forward_list fstream
    functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list
    locale map memory memory_resource mutex new numbers numeric optional ostream queue random ranges
    ratio regex scoped_allocator semaphore set shared_mutex source_location span sstream stack
    stacktrace stdexcept stop_token streambuf string string_view strstream syncstream system_error
    thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant
    vector version
    cassert cctype cerrno cfenv cfloat cinttypes climits clocale cmath csetjmp csignal cstdarg cstddef
    cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype
    """.split()
)

COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*(.*)$", re.MULTILINE)


def without_comments(text):
    """The text with comments blanked, line numbers kept; string literals stay."""

    def blank(match):
        found = match.group(0)
        return found if found.startswith('"') else re.sub(r"[^\n]", " ", found)

    return COMMENT.sub(blank, text)


def longest_prefix(table, path):
    """The key of `table` that is the longest start of `path`, or None."""
    return max((key for key in table if path.startswith(key)), key=len, default=None)


def judge(path, target, quoted):
    """Why the file may not include the target, or None when it may."""
    layer = longest_prefix(LAYERS, path)
    if layer is None:
        return "this file belongs to no layer; add its folder to the table"
    if target in FORBIDDEN:
        return f"{target} is forbidden: {FORBIDDEN[target]}"
    rules = LAYERS[layer]
    if quoted:
        if target.startswith(".") or target.split("/")[0] not in CHECKED_FOLDERS:
            return f'"{target}" is not written from the root of the tree'
        if longest_prefix(LAYERS, target) == layer:
            return None
        if any(target == allowed or (allowed.endswith("/") and target.startswith(allowed))
               for allowed in rules["ours"]):
            return None
        return f"{layer} may not include {target}"
    if target in STANDARD:
        return None
    family = longest_prefix(OUTSIDE, target)
    if family is not None:
        family = OUTSIDE[family]
    elif target.endswith(".h"):
        family = "posix"
    else:
        return f"<{target}> is in no known family of headers; add it to the table"
    if family in rules["outside"] or "*" in rules["outside"]:
        return None
    return f"{layer} may not include {family} headers: <{target}>"


def check_file(root, file):
    path = file.relative_to(root).as_posix()
    text = without_comments(file.read_text(encoding="utf-8"))
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        what = match.group(1).strip()
        if len(what) > 2 and what[0] == '"' and what[-1] == '"':
            reason = judge(path, what[1:-1], quoted=True)
        elif len(what) > 2 and what[0] == "<" and what[-1] == ">":
            reason = judge(path, what[1:-1], quoted=False)
        else:
            reason = f"cannot tell what is included: {what}"
        if reason:
            yield f"{path}:{line}: {reason}"


def check_tree(root):
    """All violations below the root, in the order of the files."""
    found = []
    for folder in CHECKED_FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in SUFFIXES and file.is_file():
                found.extend(check_file(root, file))
    return found


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    violations = check_tree(Path(arguments[1]).resolve())
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
