#!/usr/bin/env python3
"""The papers of the house: links lead somewhere, and every alert has its entry in the runbook."""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(text):
    """The anchors that the headings of a Markdown text make."""
    found = set()
    for heading in re.findall(r"^#+ +(.*?) *$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE):
        found.add(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))
    return found


class Docs(unittest.TestCase):
    def pages(self):
        named = subprocess.run(["git", "-C", ROOT, "ls-files", "*.md"], capture_output=True, text=True, check=False)
        if named.returncode == 0:
            return [ROOT / name for name in named.stdout.splitlines() if (ROOT / name).exists()]
        return [page for page in ROOT.rglob("*.md") if not {"build", "node_modules"} & set(page.parts)]

    def test_links_between_pages_lead_somewhere(self):
        broken = []
        for page in self.pages():
            for target in LINK.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                file = (page.parent / path).resolve() if path else page
                if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file.read_text())):
                    broken.append(f"{page.relative_to(ROOT)}: {target}")
        self.assertEqual(broken, [])

    def test_every_alert_leads_to_its_entry_in_the_runbook(self):
        rules = (ROOT / "deploy/prometheus/alerts.yml").read_text()
        alerts = re.findall(r"^\s*-? *alert: *(\w+)", rules, re.MULTILINE)
        targets = re.findall(r"^\s*runbook_url: *docs/operations\.md#(\S+)", rules, re.MULTILINE)
        self.assertTrue(alerts)
        self.assertEqual(len(targets), len(alerts), "every alert names its entry")
        known = anchors((ROOT / "docs/operations.md").read_text())
        self.assertEqual([target for target in targets if target not in known], [])

    def test_every_folder_of_the_design_says_what_it_is_for(self):
        missing = [
            str(folder.relative_to(ROOT)) for top in ("actors", "gateway", "metrics", "config")
            for folder in [ROOT / top, *(ROOT / top).iterdir()]
            if folder.is_dir() and list(folder.glob("*.hpp")) and not (folder / "README.md").exists()]
        self.assertEqual(missing, [])


if __name__ == "__main__":
    unittest.main()
