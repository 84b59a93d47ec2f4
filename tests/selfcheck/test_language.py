"""The tables of sentences: complete, with the same places, and what they make of a message."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from autograder.layout import FOLDERS, PACKAGE
from autograder.selfcheck.judge import judge, messages
from autograder.selfcheck.language import TABLES, languages, say, say_count, speaking, spoken
from autograder.selfcheck.report import Report
from autograder.selfcheck.spec import Case, CaseSpec, CheckSpec, ExerciseSpec, Outcome

SPEAKS = ("say", "say_count", "sentence")
IN_A_PAGE = re.compile(r'\b(say|say_count)\(((?:"[^"]*"(?:,\s*)?)+)')
# folders whose modules have a say of their own, or speak to nobody's students
OTHERS = ("bench", "template", "attacks")


def texts_of(node: ast.expr) -> Iterator[str | None]:
    """The texts that an argument may be; None for one that is not written there."""
    if isinstance(node, ast.IfExp):
        yield from (*texts_of(node.body), *texts_of(node.orelse))
    else:
        yield node.value if isinstance(node, ast.Constant) else None


def sentences() -> dict[str, str | None]:
    """What is said in the source and on pages, with the form for many where there is a count."""
    said: dict[str, str | None] = {}
    folders = [each.name for each in FOLDERS if not each.content and each.name not in OTHERS]
    files = [
        *PACKAGE.glob("*.py"),
        *(f for each in folders for f in (PACKAGE / each).rglob("*.py")),
    ]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if not isinstance(called, ast.Name) or called.id not in SPEAKS:
                continue
            if called.id == "say_count":
                one, many = (next(texts_of(each)) for each in node.args[:2])
                assert one is not None and many is not None, f"{file}, line {node.lineno}"
                said[one] = many
                continue
            for text in texts_of(node.args[0]):
                if text is not None:
                    said[text] = None
                else:  # then it is one that sentence() has marked
                    assert called.id == "say", f"{file}, line {node.lineno}: no plain text"
    for page in (PACKAGE / "reports" / "templates").glob("*.html"):
        for how, given in IN_A_PAGE.findall(page.read_text(encoding="utf-8")):
            texts = re.findall(r'"([^"]*)"', given)
            said[texts[0]] = texts[1] if how == "say_count" else None
    return said


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("table", sorted(TABLES.glob("*.json")), ids=lambda path: path.stem)
def test_a_table_has_every_sentence_and_no_other(table: Path) -> None:
    translated = json.loads(table.read_text(encoding="utf-8"))
    head, said = translated.pop(""), sentences()
    assert head["language"] == table.stem
    assert sorted(said.keys() - translated.keys()) == [], "missing"
    assert sorted(translated.keys() - said.keys()) == [], "superfluous"
    for text, many in said.items():
        forms = translated[text]
        assert isinstance(forms, list) == (many is not None), text
        if many is None:
            assert forms.strip() and places(forms) == places(text), text
            continue
        for form in forms:  # that for one need not have the number
            assert form.strip() and places(form) | {"n"} == places(many) | {"n"}, text


def test_a_count_takes_the_form_that_it_has_in_the_language() -> None:
    assert (spoken(), say_count("{n} point", "{n} points", 0)) == ("en", "0 points")
    with speaking("de"):
        told = [say_count("{n} point", "{n} points", n) for n in (0, 1, 2)]
        assert told == ["0 Punkte", "1 Punkt", "2 Punkte"]
        with speaking("en"):
            assert say("not answered yet") == "not answered yet"
        assert spoken() == "de"
    assert say("a sentence of no table") == "a sentence of no table"


def test_messages_are_put_together_as_in_english() -> None:
    case = CaseSpec(Case("two", {"x": 1.0}), (Outcome(2.0),), {"half": (Outcome(1.0),)})
    checks = tuple(CheckSpec(name, 2, (case,)) for name in ("one", "other"))
    spec = ExerciseSpec("double", ("x",), ("y",), checks, {"half": "Du hast halbiert."})

    def told(outcome: Outcome) -> list[str]:
        return messages(judge(spec, [[[outcome]], [[outcome]]]))

    raised = Outcome(error="ValueError", detail="no", trace="  Cell, line 2")
    with speaking("de"):
        wrong, again = told(Outcome(1.0)), told(raised)
        text = repr(Report(spec, judge(spec, [[[Outcome(2.0)]], [[Outcome(3.0)]]])))
    assert languages()[0] == "en" and "de" in languages()
    assert wrong[0].splitlines() == [
        "Du hast halbiert.",
        "Fall „two“: `y` ist um 1 zu klein",
        "erwartet 2",
        "erhalten 1",
        "Eingaben:",
        "  x = 1.0",
    ]
    assert wrong[1].startswith("Derselbe Fehler wie oben.\nFall „two“")
    assert again[0].startswith("Fall „two“: Ausnahme ValueError: no\n  Cell, line 2\nEingaben:")
    assert again[1] == "Fall „two“: dieselbe Ausnahme wie oben\nEingaben:\n  x = 1.0"
    assert text.splitlines()[:3] == [
        "double: 1 von 2 Prüfungen bestanden, mit den öffentlichen Fällen",
        "  ✓ one (2 Punkte)",
        "  ✗ other (2 Punkte)",
    ]
