"""What a student finds in place of an answer; used by nbgrader, which is told of it by name."""

from __future__ import annotations

import re
from typing import Any

from nbgrader.preprocessors import ClearSolutions


class NamedStubs(ClearSolutions):  # type: ignore[misc]
    """ClearSolutions whose code stub names the function that is still to be written."""

    def preprocess_cell(
        self, cell: Any, resources: dict[str, Any], cell_index: int
    ) -> tuple[Any, dict[str, Any]]:
        """Clear the solution in one cell."""
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if re.fullmatch(r"\w+", name):
            self.code_stub = {
                "python": f'# YOUR CODE HERE\nraise NotImplementedError("{name}")',
            }
        cleared: tuple[Any, dict[str, Any]] = super().preprocess_cell(cell, resources, cell_index)
        return cleared
