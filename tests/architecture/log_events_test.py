#!/usr/bin/env python3
"""The catalogue of log events is neither longer nor shorter than what the sources write and the papers name."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("actors", "gateway", "config", "metrics")
COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|("(?:[^"\\\n]|\\.)*")', re.DOTALL)
CALL = re.compile(r"\blog::event\(")
ID = r"(?:actor|catalog|config|host|http|log|node|process|region|room|store)\.[a-z_]+"


def catalogue(text):
    return re.findall(r'^INNKEEPER_LOG_EVENT\("([^"]+)"', text, re.MULTILINE)


def without_comments(text):
    return COMMENT_OR_TEXT.sub(lambda found: found.group(1) or " ", text)


def first_argument(text):
    """Up to the comma or the bracket that ends it; texts do not count."""
    depth = 0
    for part in re.finditer(r'"(?:[^"\\\n]|\\.)*"|[(){},]', text):
        sign = part.group()
        if depth == 0 and sign in ",)":
            return text[:part.start()]
        depth += (sign in "({") - (sign in ")}")
    return text


def written(text):
    """The ids of each call of log::event; an empty list for a call that names none."""
    text = without_comments(text)
    return [re.findall(r'"([^"]*)"', first_argument(text[call.end():])) for call in CALL.finditer(text)]


def sources():
    for top in SOURCES:
        for path in sorted((ROOT / top).rglob("*.[ch]pp")):
            yield path.relative_to(ROOT), path.read_text()


class LogEvents(unittest.TestCase):
    def setUp(self):
        self.ids = set(catalogue((ROOT / "metrics/log_events.def").read_text()))

    def test_the_reader_sees_what_is_written(self):
        self.assertEqual(written('log::event("a.b", {{"k", "c.d"}});'), [["a.b"]])
        self.assertEqual(written('log::event(f(1, "x") ? "a.b"\n : "c.d", {});'), [["x", "a.b", "c.d"]])
        self.assertEqual(written('// log::event("a.b");\n/* log::event("a.b"); */ log::event(id);'), [[]])
        self.assertEqual(written('log::event("a.b"); log::event("c.d");'), [["a.b"], ["c.d"]])
        self.assertEqual(catalogue('INNKEEPER_LOG_EVENT("a.b", info, "x")\n// INNKEEPER_LOG_EVENT("c.d"'), ["a.b"])

    def test_every_declared_event_is_written(self):
        used = {"log.suppressed"}  # by the log itself
        for _, text in sources():
            used.update(event for call in written(text) for event in call)
        self.assertEqual(sorted(self.ids - used), [])

    def test_every_written_event_is_declared(self):
        wrong = []
        for path, text in sources():
            for call in written(text):
                if not call:
                    wrong.append(f"{path}: the id is not spelled in the call")
                wrong += [f"{path}: {event}" for event in call if event not in self.ids]
        self.assertEqual(wrong, [])

    def test_papers_name_only_what_exists(self):
        options = set()
        for table in (ROOT / "docs/reference/options.md").read_text().split("\n## ")[1:]:
            name = re.match(r"`\[+([a-z_.]+)\]+`", table)
            options |= {f"{name[1]}.{key}" for key in re.findall(r"^\| `([a-z_]+)`", table, re.MULTILINE)}
        named = []
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
            named += [(page.name, token) for token in re.findall(rf"`({ID})`", page.read_text())]
        rules = (ROOT / "deploy/prometheus/alerts.yml").read_text()
        for text in re.findall(r'^\s*(?:summary|description): "(.*)"$', rules, re.MULTILINE):
            named += [("alerts.yml", token) for token in re.findall(rf"(?<![\w./-]){ID}\b", text)]
        self.assertTrue(named)
        self.assertEqual([entry for entry in named if entry[1] not in self.ids | options], [])


if __name__ == "__main__":
    unittest.main()
