"""Mutations of search spaces: what people mistype, and what nobody sends by mistake."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

KEYS = (
    *("name", "question", "preset", "method", "set", "arms", "grid", "zip", "one_at_a_time"),
    *("optuna", "seeds", "resources", "margin_points", "objective", "sampler", "domains"),
    *("low", "high", "log", "choices", "when", "configurations", "startup", "together", "stop"),
    *("C", "tau", "eta1", "eta2", "lambda_novel", "lambda_seen", "epochs", "batch_size", "lr"),
    *("seen_classes", "network", "frozen_through", "data_root", "pretrained", "dataset"),
    *("method.tau", "loop.epochs", "max_pack_size", "gpus_per_pack", "cpus_per_pack"),
    *("", "~", "null", "1", "<<", "__class__", "constructor", "a" * 5000, "ключ", "\\0", "?"),
)
VALUES = (
    *("0", "-1", "1e-3", "1e999", "-1e999", ".nan", ".inf", "-.INF", "9" * 400, "9" * 5000),
    *("1" + "0" * 20, "0x10", "0o7", "010", "1_000", "12:30:45", "2024-01-01", "no", "on", "~"),
    *("null", "true", "false", "''", '""', "[]", "{}", "[[]]", "[null]", "{a: {b: c}}", "- 1"),
    *("'../../x'", "/etc/passwd", "'a/b'", "~root", "C:\\x", '"a\\0b"', '"\\ud800"', '"\\x1b[2J"'),
    *('"\\u202e"', "'=1+1'", "</script>", "'<img src=x onerror=alert(1)>'", "'$(touch x)'"),
    *("x" * 300, "'" + "x" * 70_000 + "'", "|\n  text", ">-\n  text", "? a", "@x", "`x`", "%x"),
    *("!!python/object/apply:os.system ['touch canary']", "!!int '2'", "! 2", "!<tag:x> 1"),
    *("&a [*a]", "*a", "&a 1", "{<<: *a}", "lps", "orca", "simclr_kmeans", "digits", "-0.0"),
    *("[0, 0.0, -0.0]", "[true, 1, 1.0]", "[0.1, 0.2, 0.3]", "[1, [2, [3, [4]]]]", "5e-324"),
)
LOOK_ALIKES = {
    **{"C": "\u0421", "a": "\u0430", "e": "\u0435", "o": "\u03bf", "t": "\uff54", "u": "\u057d"},
    **{"p": "\u0440", "s": "\u0455", "i": "\u0456", "n": "n\u200b", "_": "\u2017", ":": "\uff1a"},
    **{"-": "\u2212", " ": "\u00a0", "0": "\uff10", "1": "\u0661", "2": "\u00b2", "r": "r\u0301"},
}
ENCODINGS = ("utf-16", "utf-16-be", "utf-32", "utf-8-sig", "latin-1", "cp037", "utf-7")
CONTROLS = "\0\x01\x07\x08\x0b\x0c\x1b\x7f\x85\u2028\u2029\ufeff\ufffe\u202e\u200b\r\t"

_TOKEN = re.compile(r"[^\s,:\[\]{}#]+")
_KEY = re.compile(r"(?<![A-Za-z_.])[A-Za-z_.]++(?=:)")

Mutation = Callable[[str, random.Random], str]


def _replaced(text: str, pattern: re.Pattern[str], new: str, dice: random.Random) -> str:
    found = list(pattern.finditer(text))
    if not found:
        return text + new
    match = dice.choice(found)
    return text[: match.start()] + new + text[match.end() :]


def value(text: str, dice: random.Random) -> str:
    """Another value in the place of a word."""
    return _replaced(text, _TOKEN, dice.choice(VALUES), dice)


def key(text: str, dice: random.Random) -> str:
    """Another key."""
    return _replaced(text, _KEY, dice.choice(KEYS), dice)


def typo(text: str, dice: random.Random) -> str:
    """A letter too many, too few, or another."""
    place = dice.randrange(len(text) + 1)
    new = dice.choice(["", chr(dice.randrange(32, 127)), text[place : place + 1].swapcase()])
    return text[:place] + new + text[place + dice.randrange(2) :]


def look_alike(text: str, dice: random.Random) -> str:
    """A letter replaced by one that looks the same."""
    places = [i for i, letter in enumerate(text) if letter in LOOK_ALIKES]
    if not places:
        return text
    place = dice.choice(places)
    return text[:place] + LOOK_ALIKES[text[place]] + text[place + 1 :]


def lines(text: str, dice: random.Random) -> str:
    """A line taken out, put twice, moved, or indented otherwise."""
    found = text.splitlines(keepends=True) or [""]
    line = found.pop(dice.randrange(len(found)))
    kind = dice.randrange(4)
    if kind == 1:
        line += line
    elif kind == 2:
        line = dice.choice(["", " ", "\t", "      "]) + line.lstrip(" ")
    if kind:
        found.insert(dice.randrange(len(found) + 1), line)
    return "".join(found)


def nest(text: str, dice: random.Random) -> str:
    """A word under many brackets or levels."""
    depth = dice.choice([2, 11, 12, 13, 100, 3000, 20_000])
    opened = dice.choice(["[", "{a: ", "- ", "? ", "[{", "\n" + " " * 40 + "a:"])
    closed = {"[": "]", "{a: ": "}", "[{": "}]"}.get(opened, "")
    return _replaced(text, _TOKEN, opened * depth + "1" + closed * depth, dice)


def aliases(text: str, dice: random.Random) -> str:
    """Anchors that multiply, refer to themselves, or are merged."""
    width, depth = dice.choice([(2, 3), (10, 9), (9, 40)])
    bomb = ["a0: &a0 [x, x]"]
    bomb += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, depth)]
    added = dice.choice(["\n".join(bomb), "b: &b {c: *b}", "grid: &g {<<: *g}", "<<: [*x, *y]"])
    return dice.choice([f"{added}\n{text}", f"{text}\n{added}\n"])


def long(text: str, dice: random.Random) -> str:
    """A list, a mapping, a comment or a word as long as a file may be, or longer."""
    count = dice.choice([50, 1000, 9_000, 20_000, 60_000, 200_000])
    numbers = ", ".join(map(str, range(count)))
    unit = dice.choice(["[" + "1," * count + "1]", "x" * count, "#" + "x" * count, "\n" * count])
    new = dice.choice([f"[{numbers}]", unit, "{" + ", ".join(f"k{i}: {i}" for i in range(count))])
    return _replaced(text, _TOKEN, new, dice)


def large_grid(text: str, dice: random.Random) -> str:
    """A grid of up to 10^12 trials."""
    count = dice.choice([3, 10, 100, 1000])
    levels = ", ".join(f"0.{i + 1}" for i in range(count))
    axes = "".join(f"\n  {name}: [{levels}]" for name in ("C", "tau", "eta1", "eta2"))
    return f"name: large\npreset: digits\ngrid:{axes}\nseeds: [0]\n{dice.choice(['', text])}"


def cut(text: str, dice: random.Random) -> str:
    """The end or the beginning is missing."""
    place = dice.randrange(len(text) + 1)
    return dice.choice([text[:place], text[place:]])


def control(text: str, dice: random.Random) -> str:
    """A control character, or another that cannot be seen."""
    place = dice.randrange(len(text) + 1)
    return text[:place] + dice.choice(CONTROLS) * dice.choice([1, 1, 50]) + text[place:]


def quotes(text: str, dice: random.Random) -> str:
    """A character that means something to YAML."""
    place = dice.randrange(len(text) + 1)
    marks = ["'", '"', "[", "]", "{", "}", ":", "- ", "|", ">", "#", "&", "*", "!", "%", "---\n"]
    return text[:place] + dice.choice([*marks, "...\n", "%YAML 9.9\n", "\\", ","]) + text[place:]


TEXT: Sequence[Mutation] = (
    *(value, value, value, key, key, typo, look_alike, lines, lines, nest, aliases, long),
    *(large_grid, cut, control, quotes),
)


def _noise(content: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(content) + 1)
    return content[:place] + dice.randbytes(dice.choice([1, 4, 100, 5000])) + content[place:]


def _flip(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content or b"x")
    for _ in range(dice.choice([1, 1, 10])):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def mutated(corpus: Sequence[str], dice: random.Random) -> bytes:
    """A file made of one or two of `corpus` by one to four mutations."""
    text = dice.choice(corpus)
    if dice.random() < 0.1:
        other = dice.choice(corpus)
        text = text[: dice.randrange(len(text))] + other[dice.randrange(len(other)) :]
    for _ in range(dice.choice([1, 1, 1, 2, 3, 4])):
        text = dice.choice(TEXT)(text, dice)
    if dice.random() < 0.05:
        return text.encode(dice.choice(ENCODINGS), "replace")
    content = text.encode("utf-8", "surrogatepass")
    if dice.random() < 0.1:
        content = dice.choice([_noise, _flip])(content, dice)
    return content
