"""Formats evaluation results as tables for a terminal."""

COLUMNS = {
    "digit_accuracy": "digits right",
    "all_digits_accuracy": "all four right",
    "sum_accuracy": "sum right (most likely)",
    "rounded_sum_accuracy": "sum right (decoder)",
    "sum_mae": "MAE",
    "sum_mse": "MSE",
    "sum_nll": "NLL",
}


def format_table(results: dict) -> str:
    """Lays the results out for a terminal, one data set per line."""
    header = ["images of", "number", *COLUMNS.values()]
    rows = [
        [name, str(result["num_images"])]
        + [_format(key, result.get(key)) for key in COLUMNS]
        for name, result in results.items()
    ]
    return _align([header, *rows])


def format_confidence(evaluated: dict) -> str:
    """Lays out what `evaluation.confidence_by_name` found, for a terminal."""
    table = next(iter(evaluated.values()))["risk_coverage"]
    header = [
        "confidence in sums of",
        "calibration error",
        "NLL",
        "Brier",
        *(f"right, {row['set_aside']:.0%} set aside" for row in table),
    ]
    rows = [
        [name, f"{each['ece']:.2%}", f"{each['nll']:.4f}", f"{each['brier']:.4f}"]
        + [f"{row['accuracy']:.2%}" for row in each["risk_coverage"]]
        for name, each in evaluated.items()
    ]
    return _align([header, *rows])


def format_slots(name: str, evaluated: dict) -> str:
    """Lays out which digit each slot reads, see `slots.evaluate_slots`."""
    places = range(len(evaluated["agreement"]))
    header = [f"{name}: agrees with"] + [f"digit {j + 1}" for j in places]
    header += [f"correlation {j + 1}" for j in places]
    rows = [
        [f"slot {slot + 1}", *(f"{share:.2%}" for share in shares)]
        + [f"{value:.2f}" for value in evaluated["correlation"][slot]]
        for slot, shares in enumerate(evaluated["agreement"])
    ]
    same = evaluated["same_digits_any_order"]
    return _align([header, *rows]) + f"\nthe four digits in some order: {same:.2%}"


def format_files(files: list[dict]) -> str:
    """Lays out files whose true sums are least likely, the least likely first."""
    header = ["least likely", "true sum", "probability", "sum read", "probability"]
    rows = [
        [
            each["image"],
            str(each["actual"]),
            f"{each['probability_of_actual']:.1%}",
            str(each["read"]),
            f"{each['probability_of_read']:.1%}",
        ]
        for each in files
    ]
    return _align([header, *rows])


def _align(rows: list[list[str]]) -> str:
    """Columns of equal width, the first one to the left."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        )
        for row in rows
    ]
    return "\n".join(lines)


def _format(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2%}" if key.endswith("accuracy") else f"{value:.4f}"


def format_samples(samples: list[dict]) -> str:
    """`Actual 20 -> Predicted 20.0027`, one line each."""
    return "\n".join(
        f"Actual {sample['actual']:2d} -> Predicted {sample['predicted']:.4f}"
        for sample in samples
    )
