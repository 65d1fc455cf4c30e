"""Edge. Writes the dashboards as JSON: `python -m dashboards.generate`. The JSON is what people import; the SDK is needed here only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import exporter_health, overview, profile_detail, providers

HERE: Final = Path(__file__).parent
MODULES: Final = (overview, profile_detail, providers, exporter_health)


def files() -> Mapping[str, str]:
    """Make every dashboard by file name."""
    return {f"{module.UID}.json": _json(module.build().build()) for module in MODULES}


def _json(dashboard: object) -> str:
    tree = json.loads(JSONEncoder(sort_keys=True).encode(dashboard))
    return json.dumps(tree, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the files."""
    for name, text in files().items():
        (HERE / "json" / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
