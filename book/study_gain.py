"""How the scale of the first weights decides what a deep network learns: the data of a figure.

python book/study_gain.py          # writes book/data/gain.json, in about half an hour
"""

import math
import time

from experiments import SEEDS, rule, search, train
from networks import CENTRED, network, scaled
from stored import save

DEPTHS = (3, 10, 20)
GAINS = (0.4, 1 / math.sqrt(3), 0.8, 1.0, 1.2, math.sqrt(2), 1.7, 2.0, 2.4, 3.0)
WIDTH, BATCH, PASSES = 64, 50, 24
RATES = [0.0025 * 2**k for k in range(9)]  # where nothing is learned, these were tried
CHANCE = math.log(10)


def measure(depth: int, gain: float) -> dict[str, float | None]:
    """Loss and accuracy at the best rate; rate None where no rate does better than chance."""
    deep = network(depth, WIDTH, "relu", scaled(gain))
    settings = {"batch": BATCH, "passes": PASSES, "data": CENTRED, "records": 10}
    coarse = train(deep.problem, rule("sgd"), RATES, **settings).end
    ends = [float(row.mean()) for row in coarse]
    best = min(range(len(RATES)), key=ends.__getitem__)
    if not ends[best] < CHANCE - 0.01:
        return {"rate": None, "loss": CHANCE, "sd": 0.0, "hits": 0.1, "hits_sd": 0.0}
    found = search(deep.problem, rule("sgd"), RATES[best] / 2, RATES[best] * 2, most=20, **settings)
    assert not found.at_edge, f"depth {depth}, gain {gain}: the best rate is at the edge"
    hits = found.accuracy
    return {
        "rate": found.rate,
        "loss": found.mean,
        "sd": found.sd,
        "hits": float(hits.mean()),
        "hits_sd": float(hits.std()),
    }


if __name__ == "__main__":
    begun = time.process_time()
    table = {}
    for depth in DEPTHS:
        for gain in GAINS:
            table[f"{depth} {gain:.3f}"] = measure(depth, gain)
            print(depth, f"{gain:.3f}", table[f"{depth} {gain:.3f}"], flush=True)
    results = {"depths": DEPTHS, "gains": GAINS, "table": table}
    print(save("gain", results, seeds=SEEDS, seconds=time.process_time() - begun))
