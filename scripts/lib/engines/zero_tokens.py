"""The tokens of a text encoder that is left out: zeros without places, equal in every layer, so that one is computed.

diffusers puts 256 of them where Stable Diffusion 3 has no T5: eight of nine tokens of a prompt of 32.
"""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def compute_once(transformer: Any) -> Any:
    """Let a transformer of Stable Diffusion 3 compute one of the zero tokens that its context ends with.

    Attention weighs it by their number, so that the result is that of all of them but for rounding. Contexts that do
    not end with zeros pass as they are.
    """
    attention = WeighedAttention()
    for block in transformer.transformer_blocks:
        block.attn.set_processor(attention)
    # The call stays whole, for hooks after it; what embeds the context may have an adapter beside it.
    transformer.register_forward_pre_hook(attention.count, with_kwargs=True)
    transformer.transformer_blocks[0].register_forward_pre_hook(attention.shorten, with_kwargs=True)
    return transformer


class WeighedAttention:
    """Joint attention of image and context (Esser et al. 2024) whose last token of context stands for several.

    Attributes:
        stands_for: how many; the same in all layers of one pass.
    """

    def __init__(self) -> None:
        self.stands_for = 1

    def count(self, _: Any, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
        """Count the zero tokens that the context of a pass, (n, tokens, width), ends with."""
        states = named["encoder_hidden_states"] if "encoder_hidden_states" in named else positional[1]
        others = (states != 0).any(2).any(0).nonzero()
        self.stands_for = max(1, states.shape[1] - (int(others.max()) + 1 if len(others) else 0))

    def shorten(
        self, _: Any, positional: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Keep one of them, before the first layer."""
        if "encoder_hidden_states" in named:
            return positional, named | {"encoder_hidden_states": self._kept(named["encoder_hidden_states"])}
        image, context, *others = positional  # Under gradient checkpointing.
        return (image, self._kept(context), *others), named

    def _kept(self, context: "torch.Tensor") -> "torch.Tensor":
        return context[:, : context.shape[1] - self.stands_for + 1]

    def __call__(
        self,
        attn: Any,
        hidden_states: "torch.Tensor",
        encoder_hidden_states: "torch.Tensor",
        **_: Any,
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """Return what image tokens and context tokens take from each other; arguments are diffusers'."""
        import torch
        from torch.nn import functional

        image = (attn.to_q, attn.to_k, attn.to_v), (attn.norm_q, attn.norm_k, None)
        context = (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj), (attn.norm_added_q, attn.norm_added_k, None)
        streams = ((hidden_states, *image), (encoder_hidden_states, *context))
        query, key, value = (
            torch.cat([_heads(attn, tokens, maps[part], norms[part]) for tokens, maps, norms in streams], 2)
            for part in range(3)
        )
        weight = None
        if self.stands_for > 1:  # exp(score + log n) is n times exp(score).
            weight = torch.zeros(key.shape[2], dtype=query.dtype, device=query.device)
            weight[-1] = math.log(self.stands_for)
            weight = weight.expand(query.shape[2], -1)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=weight)
        mixed = mixed.transpose(1, 2).flatten(2).to(query.dtype)
        of_image, of_context = mixed.split([hidden_states.shape[1], encoder_hidden_states.shape[1]], 1)
        of_image = attn.to_out[1](attn.to_out[0](of_image))
        return of_image, of_context if attn.context_pre_only else attn.to_add_out(of_context)


def _heads(attn: Any, tokens: "torch.Tensor", linear: Any, norm: Any) -> "torch.Tensor":
    """Return tokens projected and divided into heads, (n, heads, tokens, width)."""
    parts = linear(tokens).unflatten(2, (attn.heads, -1)).transpose(1, 2)
    return parts if norm is None else norm(parts)
