# SPDX-License-Identifier: Apache-2.0
# Turns the comments of a public header into Doxygen's, line by line:
#   // text          becomes   /// text
#   code  // text    becomes   code  ///< text
# The comment on top of the file becomes the file's. Code in comments, which is indented by two,
# becomes Markdown's, which is indented by four.

function escaped(text) {
  gsub(/[\\@<>#%]/, "\\\\&", text)
  return text
}

NR == 1 { print "/// \\file"; next }  # the line of the licence

/^ *\/\// {
  match($0, /^ *\/\//)
  text = substr($0, RLENGTH + 1)
  indent = substr($0, 1, RLENGTH - 2)
  if (text ~ /^   /) {
    print indent "///  " text
  } else {
    print indent "///" escaped(text)
  }
  next
}

match($0, /[^ :]  ?\/\/ /) {
  code = substr($0, 1, RSTART)
  text = substr($0, RSTART + RLENGTH)
  print code "  ///< " escaped(text)
  next
}

{ print }
