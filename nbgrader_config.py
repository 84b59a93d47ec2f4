"""Makes nbgrader's commands work from the top of the checkout on the course directory ``course``.

Another directory: run nbgrader inside it (``autograder release`` puts a file like this there), or
set AUTOGRADER_COURSE_DIR. Another gradebook than the one in it: set AUTOGRADER_DB_URL.
"""

import os
from pathlib import Path

from autograder.nbgrader_plugin import configure

c = get_config()  # noqa: F821 - provided by nbgrader
configure(
    c, Path(os.environ.get("AUTOGRADER_COURSE_DIR") or Path(__file__).parent / "course").resolve()
)
