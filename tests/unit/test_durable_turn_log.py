"""What turns cost is told, for those who ask how an orchestration grows."""

import json

import azure.durable_functions as df

from devkit.host.durable.testing import RunningEngine, asynchronous
from devkit.host.durable.turn_log import TurnLog

app = df.DFApp()


@app.activity_trigger(input_name="number")
def echo(number: int) -> int:
    return number


@app.orchestration_trigger(context_name="context")
def sequence(context):
    for number in range(context.get_input()):
        yield context.call_activity("echo", number)


@asynchronous
async def test_each_turn_tells_how_long_the_history_was_after_it(tmp_path):
    path = tmp_path / "logs" / "turns.jsonl"
    async with RunningEngine(tmp_path, app, turn_log=TurnLog(path)) as engine:
        await engine.run_to_end("sequence", 2, instance_id="one")
        history = await engine.history("one")
    turns = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(turn["instance"], turn["name"]) for turn in turns] == [("one", "sequence")] * 3
    # started, execution started, scheduled | completed … the engine closes each turn, and the instance
    assert [turn["events"] for turn in turns] == [3, 7, 10]
    assert turns[-1]["events"] + 2 == len(history)
    assert turns[0]["bytes"] < turns[1]["bytes"] < turns[2]["bytes"] < sum(map(len, history))
    assert all(turn["cpu_ms"] >= 0 for turn in turns)
