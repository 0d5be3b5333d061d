"""What a trial changes in PyTorch; PyTorch is not among the packages of the ordinary run."""

import subprocess
import sys


def test_pytorchs_settings_and_seed_end_with_the_trial():
    code = """
from maggy.core.executors.process_state import ProcessState, isolate

def settings():
    import torch
    return (torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_default_device().type,
            torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark,
            torch.is_anomaly_enabled(), torch.get_float32_matmul_precision())

def change():
    import torch
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64); torch.set_grad_enabled(False)
    torch.set_default_device("meta")
    torch.use_deterministic_algorithms(True); torch.backends.cudnn.benchmark = True
    torch.autograd.set_detect_anomaly(True); torch.set_float32_matmul_precision("medium")
    return settings()

numbers = []
with ProcessState() as state:
    for _ in range(2):
        with isolate(lambda line: None, state=state):
            changed = change()
        assert all(a != b for a, b in zip(changed, settings())), (changed, settings())
        with isolate(lambda line: None, state=state):
            import torch
            numbers.append(torch.rand(1).item())
assert numbers[0] != numbers[1]
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
