"""Robustness cards: what a card holds, how cards are ranked, and what they say."""
