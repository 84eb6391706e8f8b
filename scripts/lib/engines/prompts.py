"""Prompts, and what of them the tokenizers of the models leave."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE

START, END = "<|startoftext|>", "<|endoftext|>"
WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class Window(NamedTuple):
    """A tokenizer and the number of tokens that its model reads, the two at the ends among them."""

    folder: Path
    tokenizer: Tokenizer
    size: int

    def tokens(self, texts: Iterable[str]) -> list[tuple[int, ...]]:
        """Return all tokens of each text."""
        return [tuple(encoding.ids) for encoding in self.tokenizer.encode_batch(list(texts))]

    def read(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        """Return the tokens that the model reads."""
        return tokens if len(tokens) <= self.size else (*tokens[: self.size - 1], tokens[-1])


def check(texts: Mapping[str, str], unseen: Sequence[str], models: Iterable[Path], clip: Path) -> list[str]:
    """Refuse prompts that a model cannot tell apart, and return a warning for each tokenizer that cuts some.

    Args:
        texts: the prompts by group.
        unseen: further prompts; they may become equal.
        models: folders of pipelines. Weights that are still to be downloaded are not asked.
        clip: folder of the CLIPModel of the CLIP score.

    Raises:
        ValueError: see ``check_groups``.
    """
    readers = [*map(of_pipeline, models), of_clip(clip)]
    for windows in readers:
        check_groups(texts, windows)
    every = list(dict.fromkeys([*texts.values(), *unseen]))
    return [message for windows in readers for window in windows if (message := _cut(every, window))]


def check_groups(texts: Mapping[str, str], windows: list[Window]) -> None:
    """Refuse groups that have different prompts of which the tokenizers of a model make the same.

    Args:
        texts: the prompts by group.
        windows: the tokenizers of one model, which must tell two prompts apart together.

    Raises:
        ValueError: the message names the groups and the folder of the tokenizer.
    """
    if not windows:
        return
    distinct = {text: group for group, text in texts.items()}
    seen: dict[tuple[tuple[int, ...], ...], str] = {}
    for text, *tokens in zip(distinct, *(window.tokens(distinct) for window in windows), strict=True):
        read = tuple(window.read(own) for window, own in zip(windows, tokens, strict=True))
        if (other := seen.setdefault(read, text)) == text:
            continue
        folder, _, size = windows[0]
        reason = "makes the same tokens of both; choose values that differ in more than case and spaces"
        if len(tokens[0]) > size:
            reason = (
                f"reads {size} tokens and cuts the rest; name the attributes earlier in the template, or shorten it"
            )
        raise ValueError(
            f"dataset.prompt: {folder} {reason}. The groups {distinct[other]!r} and {distinct[text]!r} would have the "
            f"same prompt; theirs are {other!r} and {text!r}"
        )


def _cut(texts: list[str], window: Window) -> str:
    """Say which texts are longer than a window; nothing where none is."""
    lengths = [len(tokens) for tokens in window.tokens(texts)]
    longer = [(text, length) for text, length in zip(texts, lengths, strict=True) if length > window.size]
    if not longer:
        return ""
    text, length = longer[0]
    return (
        f"Warning: {window.folder} reads {window.size} tokens of a prompt and cuts the rest; "
        f"{len(longer)} of {len(texts)} prompts are longer, such as {text!r} ({length} tokens)."
    )


def of_pipeline(model: Path) -> list[Window]:
    """Return the tokenizers of a diffusers pipeline; none where the folder is not there yet."""
    folders = sorted(path for path in model.glob("tokenizer*") if path.is_dir())
    encoders = (_json(model / path.name.replace("tokenizer", "text_encoder") / "config.json") for path in folders)
    found = (_window(path, encoder) for path, encoder in zip(folders, encoders, strict=True))
    return [window for window in found if window]


def of_clip(folder: Path) -> list[Window]:
    """Return the tokenizer of a CLIPModel; none where the folder is not there yet."""
    window = _window(folder, _json(folder / "config.json").get("text_config", {}))
    return [window] if window else []


def _window(folder: Path, encoder: Mapping[str, Any]) -> Window | None:
    """Return the tokenizer of a folder, or None where it has none or its model has no limit.

    Args:
        folder: holds ``tokenizer.json``, or CLIP's ``vocab.json`` and ``merges.txt``.
        encoder: the configuration of the text encoder.
    """
    limits = [_json(folder / "tokenizer_config.json").get("model_max_length"), encoder.get("max_position_embeddings")]
    size = min((int(limit) for limit in limits if limit), default=0)
    if (folder / "tokenizer.json").is_file():
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        tokenizer = _clip_tokenizer(folder)
    else:
        return None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return Window(folder, tokenizer, size) if size else None


def _clip_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of CLIP from its two files, as ``transformers.CLIPTokenizer`` puts it together.

    Transformers takes seconds to import, and every start of Snakemake checks the prompts.
    """
    model = BPE.from_file(
        str(folder / "vocab.json"), str(folder / "merges.txt"), unk_token=END, end_of_word_suffix="</w>"
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.add_special_tokens([START, END])
    vocabulary = tokenizer.get_vocab()
    start, end = ((token, vocabulary[token]) for token in (START, END))
    tokenizer.post_processor = processors.RobertaProcessing(end, start, trim_offsets=False, add_prefix_space=False)
    return tokenizer


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
