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

    def test_every_variable_that_a_process_gets_is_described(self):
        plan = (ROOT / "actors/runner/launch_plan.cpp").read_text() + (ROOT / "actors/runner/launch_plan.hpp").read_text()
        names = set(re.findall(r'env\["(\w+)"\]', plan)) | set(re.findall(r'mark_\w+ = "(\w+)"', plan))
        self.assertGreater(len(names), 20)
        page = (ROOT / "docs/migrating_from_hathora.md").read_text()
        table = page[page.index("### The environment of a process"):page.index("## Apps and deployments")]
        for name in sorted(names | {"PORT", "PORT_<NAME>", "HATHORA_DEFAULT_PORT", "HATHORA_<NAME>_PORT"}):
            self.assertIn(f"`{name}`", table)

    def test_every_status_of_an_error_in_the_gateway_is_described(self):
        """Read from the source: a new status that nobody describes is found here."""
        given = set()
        for source in [*(ROOT / "gateway").rglob("*.cpp"), *(ROOT / "gateway").rglob("*.hpp")]:
            if source.name == "response_writer.cpp":  # names many that nobody gives
                continue
            text = re.sub(r'//[^\n]*|"(?:\\.|[^"\\\n])*"', "", source.read_text())
            given |= set(re.findall(r"(?:\{|fail\(|refuse\(|error_response\(|refused_request\(|return |status = |: )([45]\d\d)\b", text))
        self.assertLessEqual({"400", "401", "404", "405", "408", "413", "414", "417", "422", "429", "431", "500", "501",
                              "503", "505"}, given)
        for page in ("docs/reference/errors.md", "docs/http_api.md"):
            described = set(re.findall(r"^\| (\d{3}) \|", (ROOT / page).read_text(), re.MULTILINE))
            self.assertEqual(given - described, set(), page)

    def test_every_folder_of_the_design_says_what_it_is_for(self):
        missing = [
            str(folder.relative_to(ROOT)) for top in ("actors", "gateway", "metrics", "config")
            for folder in [ROOT / top, *(ROOT / top).iterdir()]
            if folder.is_dir() and list(folder.glob("*.hpp")) and not (folder / "README.md").exists()]
        self.assertEqual(missing, [])


if __name__ == "__main__":
    unittest.main()
