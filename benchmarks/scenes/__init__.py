"""How good the tiny models of the drawn world are, and the oracle and the people who judge them.

Every figure has a 95 % interval from a bootstrap over scenes or prompts. New scenes are drawn, from
seeds that no training used. Nothing is planted: the errors are the models' own.

    python -m benchmarks.scenes [--scenes 400] [--prompts 300] [--weights FOLDER]
"""
