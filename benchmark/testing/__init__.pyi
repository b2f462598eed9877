from .checks import check_plugin as check_plugin
