"""The two pure stages: JourneyStage by customer, SignalStage by journey."""
