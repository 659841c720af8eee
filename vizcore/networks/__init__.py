"""Networks: where they come from, what they see and what they answer; torchvision is named here only."""
