"""Where the durable functions of runs are collected."""

import azure.durable_functions as df

bp = df.Blueprint()
