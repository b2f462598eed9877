from .csv_text import csv_text as csv_text
from .latex import latex as latex
from .markdown import markdown as markdown
from .model import Report as Report
from .model import build_report as build_report
from .page import write_page as write_page
from .plots.all_figures import report_figures as report_figures
