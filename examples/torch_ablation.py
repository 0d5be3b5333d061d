"""An ablation study of a PyTorch model: what are its blocks, a layer and an augmentation worth?

The model reads the handwritten digits of scikit-learn. The study leaves out each of its two blocks,
the normalization in the first one, and the random shifts of the images. It trains every variant
five times (`--repeats`), and measures the accuracy on images that the model has not seen.
"""

import argparse

from maggy import experiment
from maggy.ablation import AblationStudy
from maggy.experiment_config import AblationConfig


def base_model():
    from torch import nn

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.conv = nn.Conv2d(width, width, 3, padding=1)
            self.norm = nn.BatchNorm2d(width)
            self.activation = nn.ReLU()

        def forward(self, images):
            return images + self.activation(self.norm(self.conv(images)))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(1, 16, 3, padding=1)
            self.blocks = nn.ModuleList([Block(16), Block(16)])
            self.head = nn.Linear(16, 10)

        def forward(self, images):
            values = self.stem(images)
            for block in self.blocks:
                values = block(values)
            return self.head(values.mean(dim=(2, 3)))

    return Network()


def example_input():
    import torch

    return torch.zeros(2, 1, 8, 8)


def training_fn(model_function, seed, shift=True):
    import torch
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    torch.set_num_threads(1)  # The trials share the processor.
    digits = load_digits()
    images = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(digits.target)
    train, test = train_test_split(range(len(images)), test_size=0.3, random_state=seed)
    model = model_function()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for _ in range(8):
        for batch in torch.tensor(train)[torch.randperm(len(train))].split(64):
            inputs = images[batch]
            if shift:
                steps = tuple(torch.randint(-1, 2, (2,)).tolist())
                inputs = inputs.roll(steps, dims=(2, 3))
            loss = torch.nn.functional.cross_entropy(model(inputs), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        predictions = model(images[test]).argmax(dim=1)
    return float((predictions == labels[test]).float().mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="trainings of each component")
    options = parser.parse_args()

    study = AblationStudy(None)
    study.model.set_base_model_generator(base_model)
    study.model.set_example_input(example_input)
    study.model.layers.include("blocks.0", "blocks.1", "blocks.0.norm")
    study.choices.include(shift=False)

    config = AblationConfig(study, name="Digits-blocks", repeats=options.repeats, seed=1)
    print(study.plan(config))
    result = experiment.lagom(training_fn, config)
    print(f"Everything is recorded in {result.directory}")


if __name__ == "__main__":
    main()
