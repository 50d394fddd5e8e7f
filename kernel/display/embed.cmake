# cmake -DINPUT=a.js -DOUTPUT=a.c -DNAME=symbol -DHEADER=a.h -P embed.cmake
# Writes a file's bytes as a NUL-terminated C array. Indentation and comment lines are left out.
file(READ ${INPUT} text)
string(REGEX REPLACE "/\\*[^*]*(\\*+[^/*][^*]*)*\\*+/" "" text "${text}")
string(REGEX REPLACE "\n[ \t\n]*" "\n" text "${text}")
file(WRITE ${OUTPUT}.text "${text}")
file(READ ${OUTPUT}.text bytes HEX)
file(REMOVE ${OUTPUT}.text)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "/* Made from the script by embed.cmake. */\n#include \"${HEADER}\"\n\n"
    "const unsigned char ${NAME}[] = {\n${bytes}0x00};\n")
