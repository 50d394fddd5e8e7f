/* attention.js as bytes: made by the build (embed.cmake). */
#ifndef PB_ATTENTION_SCRIPT_H
#define PB_ATTENTION_SCRIPT_H

extern const unsigned char pb_attention_script[]; /* NUL-terminated */

#endif
