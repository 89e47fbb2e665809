"""template.yaml → what SAM's own translator makes of it, on stdout. Run by the Python that has the translator.

translate.py TEMPLATE PARAMETERS, the latter a JSON object; code and layer are where `sam package` would have put them.
"""

import json
import sys
from pathlib import Path

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

template = yaml_parse(Path(sys.argv[1]).read_text("utf-8"))
for resource in template["Resources"].values():
    for member in {"CodeUri", "ContentUri"} & set(resource.get("Properties", {})):
        resource["Properties"][member] = f"s3://artifacts/{resource['Properties'][member]}"
# No managed policies to look up: the roles are the template's own.
translated = Translator({}, Parser()).translate(template, parameter_values=json.loads(sys.argv[2]))
sys.stdout.write(json.dumps(translated, indent=1, default=str))
