"""The original's models in PyTorch, written from its description."""

import torch
from torch import nn

from mnist_sum_tf import config


class MNISTDigitModel(nn.Module):
    """Images float32 `[n, 1, 40, 168]` in [-1, 1] -> logits `[n, 4, 10]`."""

    def __init__(self, base_channels=64, dropout_rate=0.1, block_channels=None):
        super().__init__()
        blocks, inputs = [], 1
        for channels in block_channels or config.doubled_channels(base_channels):
            blocks.append(
                nn.Sequential(
                    nn.Conv2d(inputs, channels, 3, padding="same"),
                    nn.ReLU(),
                    nn.Conv2d(channels, channels, 3, padding="same"),
                    nn.ReLU(),
                    nn.MaxPool2d(2),
                    nn.Dropout(dropout_rate),
                )
            )
            inputs = channels
        self.conv_blocks = nn.ModuleList(blocks)
        self.fc = nn.Sequential(
            nn.Flatten(),
            nn.Linear(inputs * 1 * 5, 512),
            nn.ReLU(),
            nn.Dropout(dropout_rate),
            nn.Linear(512, 40),
        )

    def forward(self, images):
        for block in self.conv_blocks:
            images = block(images)
        return self.fc(images).view(-1, 4, 10)


class MNISTSumModel(nn.Module):
    """Logits or one-hot vectors `[n, 4, 10]` -> sums `[n]`."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(40, 64)
        self.fc22 = nn.Linear(64, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 1)

    def forward(self, digits):
        x = torch.softmax(digits.float(), dim=-1).flatten(1)
        for layer in (self.fc1, self.fc22, self.fc2):
            x = torch.relu(layer(x))
        return self.fc3(x)[:, 0]


class CombinedModel(nn.Module):
    """Images -> digit logits and sum."""

    def __init__(self, base_channels=64, dropout_rate=0.1, block_channels=None):
        super().__init__()
        self.digit_model = MNISTDigitModel(base_channels, dropout_rate, block_channels)
        self.sum_model = MNISTSumModel()

    def forward(self, images):
        logits = self.digit_model(images)
        return logits, self.sum_model(logits)


def normalised(images):
    """uint8 `[n, 40, 168, 1]` -> what the models take (mean 0.5, dev. 0.5)."""
    images = torch.from_numpy(images).permute(0, 3, 1, 2)
    return (images.float() / 255 - 0.5) / 0.5
