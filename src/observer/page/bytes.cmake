# SPDX-License-Identifier: MIT
# Joins the page's parts into one document, and writes it as C: its bytes, and the hashes by which
# its Content-Security-Policy lets its own style and script through, and nothing else.
# usage: cmake -DFOLDER=... -DOUTPUT=... -P bytes.cmake

# The Base64 of the SHA-256 of a text.
function(base64_hash text out)
  set(digits "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  string(SHA256 hash "${text}")
  set(hash "${hash}00") # whole groups of 12 bits
  set(result "")
  foreach(at RANGE 0 63 3)
    string(SUBSTRING "${hash}" ${at} 3 group)
    math(EXPR high "0x${group} >> 6")
    math(EXPR low "0x${group} & 63")
    string(SUBSTRING "${digits}" ${high} 1 high)
    string(SUBSTRING "${digits}" ${low} 1 low)
    string(APPEND result "${high}${low}")
  endforeach()
  string(SUBSTRING "${result}" 0 43 result) # 256 bits
  set(${out} "${result}=" PARENT_SCOPE)
endfunction()

file(READ ${FOLDER}/page.html document)
file(READ ${FOLDER}/page.css style)
set(script "")
foreach(part dom format curve table tenant page)
  file(READ ${FOLDER}/${part}.js text)
  string(APPEND script "${text}")
endforeach()
base64_hash("${style}" style_hash)
base64_hash("${script}" script_hash)
string(REPLACE "@PAGE_STYLE@" "${style}" document "${document}")
string(REPLACE "@PAGE_SCRIPT@" "${script}" document "${document}")
string(HEX "${document}" bytes)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "/* SPDX-License-Identifier: MIT */
/* The page as bytes: made of src/observer/page/ by bytes.cmake. */
#include \"document_internal.h\"

#define STYLE  \"'sha256-${style_hash}'\"
#define SCRIPT \"'sha256-${script_hash}'\"

/* In a section of its own, so that it is not in memory among the constants that every process uses. */
__attribute__((section(\"observer_page\"))) static const char document[] = {${bytes}};

const struct slice document_bytes = {document, sizeof(document)};
const char document_policy[] = DOCUMENT_POLICY(STYLE, SCRIPT);
")
