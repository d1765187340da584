"""How `--contact solver` refines a network result whose hand is too deep in the head, or misses it.

    python tools/benchmark_refinement.py [--json]

The sample's truth stands for the output of a network that is exact but for the hand's depth, which has a known error.
The dice engine post-processes it with and without the solver, and the metrics of `dice metrics` compare both with the
truth. No torch and no licensed file is needed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.network.perturbed import depth_errors, refined

_COLUMNS = ("max_penetration_mm", "non_col_percent", "touchness_percent", "f_percent", "pve_mm", "jitter_mm")


def _contact_f(result: dict[str, Any], mesh: str) -> float:
    score = result["contact"][mesh]
    return float(score["f"]) if score and score["f"] is not None else 0.0


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {}
    for case in depth_errors(0):
        with tempfile.TemporaryDirectory() as folder:
            results[case] = refined(Path(folder), case)
    if options.json:
        print(json.dumps(results, indent=1))
        return
    titles = ("depth mm", "Non.Col %", "Touch %", "F %", "PVE mm", "jitter mm", "F head", "F hand")
    print(f"{'hand moved in':16}{'contact':10}" + "".join(f"{title:>12}" for title in titles))
    for case, kinds in results.items():
        for kind, result in kinds.items():
            values = [result[key] for key in _COLUMNS] + [_contact_f(result, mesh) for mesh in ("head", "hand")]
            print(f"{case:16}{kind:10}" + "".join(f"{value:12.2f}" for value in values))


if __name__ == "__main__":
    main()
