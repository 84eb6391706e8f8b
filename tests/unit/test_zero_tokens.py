"""Zero tokens of an absent text encoder: one is computed, and nothing changes but the time."""

import copy

import pytest
import torch
from diffusers import SD3Transformer2DModel
from peft import LoraConfig

from scripts.lib.engines.zero_tokens import compute_once

WIDTH = 24


def transformer(**config) -> SD3Transformer2DModel:
    torch.manual_seed(0)
    network = SD3Transformer2DModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        num_layers=3,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=WIDTH,
        caption_projection_dim=32,
        pooled_projection_dim=16,
        pos_embed_max_size=4,
        **config,
    )
    for parameter in network.parameters():  # New ones are nearly zero, so that no token would matter.
        torch.nn.init.normal_(parameter, std=0.2)
    return network.double().eval()  # Rounding would hide a small error, and be taken for one.


def arguments(words: int, zeros: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    context = torch.cat([normal(2, words, WIDTH), torch.zeros(2, zeros, WIDTH, dtype=torch.float64)], 1)
    return [normal(2, 4, 8, 8), context, normal(2, 16), torch.tensor([900.0, 50.0], dtype=torch.float64)]


@pytest.mark.parametrize("zeros", [256, 1, 0])
@pytest.mark.parametrize("config", [{}, {"qk_norm": "rms_norm", "dual_attention_layers": (0,)}], ids=["3", "3.5"])
@torch.no_grad()
def test_predictions_are_those_of_all_tokens(config, zeros):
    plain = transformer(**config)
    short = compute_once(copy.deepcopy(plain))
    given = arguments(5, zeros)
    expected = plain(*given).sample
    torch.testing.assert_close(short(*given).sample, expected)
    if zeros:
        assert not torch.allclose(plain(*arguments(5, 0)).sample, expected, atol=1e-2), "zeros are attended to"


@torch.no_grad()
def test_the_second_prompt_of_a_batch_may_end_earlier():
    plain = transformer()
    given = arguments(5, 8)
    given[1][1, 3:] = 0
    torch.testing.assert_close(compute_once(copy.deepcopy(plain))(*given).sample, plain(*given).sample)


@torch.no_grad()
def test_a_context_of_zeros_alone_is_one_token():
    plain = transformer()
    given = arguments(0, 8)
    torch.testing.assert_close(compute_once(copy.deepcopy(plain))(*given).sample, plain(*given).sample)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_are_those_of_all_tokens(checkpointing):
    plain = transformer(qk_norm="rms_norm")
    short = compute_once(copy.deepcopy(plain)).train()
    if checkpointing:
        short.enable_gradient_checkpointing()
    for network in (plain, short):
        network(*arguments(5, 256)).sample.square().mean().backward()
    for (name, expected), found in zip(plain.named_parameters(), short.parameters(), strict=True):
        if expected.grad is not None:
            torch.testing.assert_close(found.grad, expected.grad, msg=name)


@torch.no_grad()
def test_an_adapter_on_what_embeds_the_context_sees_all_of_it():
    plain = transformer()
    short = compute_once(copy.deepcopy(plain))
    config = LoraConfig(r=2, target_modules=["context_embedder", "to_q", "add_k_proj"], init_lora_weights=False)
    for network in (plain, short):
        torch.manual_seed(0)
        network.add_adapter(config)
        network.double()
    given = arguments(5, 256)
    torch.testing.assert_close(short(*given).sample, plain(*given).sample)


def test_one_zero_token_is_computed_and_copies_count_for_themselves():
    network = copy.deepcopy(compute_once(transformer()))
    seen = []
    network.transformer_blocks[0].register_forward_hook(lambda _, __, states: seen.append(states[0].shape[1]))
    other = copy.deepcopy(network)
    with torch.no_grad():
        network(*arguments(5, 256))
        other(*arguments(5, 3))
    assert seen == [6, 6]
    numbers = [each.transformer_blocks[-1].attn.processor.stands_for for each in (network, other)]
    assert numbers == [256, 3]
