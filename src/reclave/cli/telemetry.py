"""The pages of the reference about what operators watch."""

import click


@click.command()
def metrics() -> None:
    """Every metric, from the code."""
    from reclave.telemetry_reference import metrics_page

    click.echo(metrics_page(), nl=False)


@click.command("log-events")
def log_events() -> None:
    """Every log event, from the code."""
    from reclave.telemetry_reference import log_events_page

    click.echo(log_events_page(), nl=False)
