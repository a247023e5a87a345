# Filters of jq that jaq's library does not have, or has for a program that can print.

def halt_error($exit_code): error;
def halt_error: error;

def @csv: [.[] |
    if isstring then "\"" + (. / "\"" | join("\"\"")) + "\""
  elif isnumber or isboolean then tostring
  elif . == null then ""
  else error("not valid in a csv row: \(.)") end] | join(",");

def @tsv: [.[] |
    if isstring then
      . / "\\" | join("\\\\") | . / "\t" | join("\\t") | . / "\n" | join("\\n") | . / "\r" | join("\\r")
  elif isnumber or isboolean then tostring
  elif . == null then ""
  else error("not valid in a tsv row: \(.)") end] | join("\t");

def IN(values): any(values == .; .);
def IN(source; values): any(source == values; .);
def INDEX(source; key): reduce source as $row ({}; .[$row | key | tostring] = $row);
def INDEX(key): INDEX(.[]; key);
def leaf_paths: paths(scalars);
def toarray: if isarray then . else [.] end;
def trimstr($affix): ltrimstr($affix) | rtrimstr($affix);
