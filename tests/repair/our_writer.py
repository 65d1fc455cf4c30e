"""Edge. Pastes into one store again and again, as our commands do, until it is killed. Arguments: state directory, release."""

import itertools
import sys
from pathlib import Path

from exporter.repair import writer
from tests.repair.places import pasted, place

if __name__ == "__main__":
    target = place(Path(sys.argv[1]), sys.argv[2])
    for number in itertools.count():
        writer.paste(target, pasted(f"openrouter:{number % 7}", f"or-{number}-" + "x" * 200_000), {})
        writer.set_order(target, "openrouter", [f"openrouter:{number % 7}"])
        print(number, flush=True)
