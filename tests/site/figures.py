"""What tests of figures in a browser do alike: move a slider, read what is said, and a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def choose(page: Page, label: str, value: float, *, exact: bool = False) -> None:
    """Set a slider, as a drag does."""
    page.get_by_label(label, exact=exact).evaluate(
        "(input, z) => { input.value = z; input.dispatchEvent(new Event('input')); }", value
    )


def said(page: Page) -> str:
    """What the figure says of itself."""
    text: str = page.locator(".lf-readout").inner_text()
    return text


def read(text: str) -> float:
    """A number as figures write it: 1,310, −0.25, 7.95 × 10⁻⁵."""
    factor, _, ten = text.replace("−", "-").replace(",", "").strip().partition(" × 10")
    return float(f"{factor}e{ten.translate(_RAISED) or 0}")
