"""The Pulumi program: picks the module of this stack's kind (Pulumi runs this file; see infra/program.py)."""

import sys
from pathlib import Path

# Pulumi puts this folder itself on the path; imports start at the repository root.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(entry for entry in sys.path if Path(entry).resolve() != HERE)]

from infra.program import main  # noqa: E402

main()
