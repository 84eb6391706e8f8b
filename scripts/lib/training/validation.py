"""The loss of a model on images that it was not trained on, at noise that is the same for all models."""

import torch

from scripts.lib.engines.engine import Objective
from scripts.lib.training.training_data import TrainingData, draw


@torch.no_grad()
def validate(
    network: torch.nn.Module, objective: Objective, data: TrainingData, *, draws: int, batch_size: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return at which levels of noise a network was asked, and its loss there.

    Args:
        network: of the model, on the device that computes.
        objective: what the base model is trained for.
        data: the images and their prompts.
        draws: how often noise and a level are drawn for each image.
        batch_size: images per pass; changes the last bits alone.
        seed: of the draws, which depend on (seed, draw, image) and nothing else.

    Returns:
        Both (draws, images), on the CPU; a level is in the engine's own terms.
    """
    network.eval()
    device = next(network.parameters()).device
    levels, losses = [], []
    for number in range(draws):
        for samples in torch.arange(len(data.prompt)).split(batch_size):
            drawn = draw(data, samples, number, objective, seed)
            latents, noise, level = (tensor.to(device) for tensor in drawn)
            text = {name: tensor.to(device) for name, tensor in data.text_of(samples).items()}
            losses.append(objective.losses(network, latents, noise, level, text).cpu())
            levels.append(level.cpu())
    return torch.cat(levels).view(draws, -1), torch.cat(losses).view(draws, -1)
