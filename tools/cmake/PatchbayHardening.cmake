# What a fault in memory can be turned into, made small: a canary behind arrays on the stack, checked
# copies, a program at an address nobody knows, tables of the linker that are read-only before main().
# tests/python/test_hardening.py reads it out of the program.
add_compile_options(-fstack-protector-strong -fPIE)
add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)

include(CheckCCompilerFlag)
foreach(option stack-clash-protection cf-protection)
    check_c_compiler_flag(-f${option} PATCHBAY_HAS_${option})
    if(PATCHBAY_HAS_${option})
        add_compile_options(-f${option})
    endif()
endforeach()

# Checked copies need an optimizer, and the sanitizers do the same and more.
if(NOT PATCHBAY_SANITIZE)
    add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>
        $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
endif()
