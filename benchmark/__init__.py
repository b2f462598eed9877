"""howrobust"""
