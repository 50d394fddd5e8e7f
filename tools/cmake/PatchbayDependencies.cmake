# The libraries Patchbay stands on. A missing one is named together with the package to install.
find_package(PkgConfig QUIET)
find_package(Threads REQUIRED)

set(PATCHBAY_MISSING "")

# Debian's oneDNN is 2.6; with this, another one (tools/fetch-onednn3 fetches 3.2) is taken.
set(PATCHBAY_ONEDNN "" CACHE PATH "A folder with oneDNN's include/ and lib/, instead of the system's")
if(PATCHBAY_ONEDNN)
    unset(PB_dnnl_INCLUDE CACHE)
    unset(PB_dnnl_LIBRARY CACHE)
    find_path(PB_dnnl_INCLUDE oneapi/dnnl/dnnl.h PATHS ${PATCHBAY_ONEDNN}/include NO_DEFAULT_PATH)
    find_library(PB_dnnl_LIBRARY dnnl PATHS ${PATCHBAY_ONEDNN}/lib NO_DEFAULT_PATH)
    if(NOT PB_dnnl_INCLUDE OR NOT PB_dnnl_LIBRARY)
        message(FATAL_ERROR "No oneDNN in ${PATCHBAY_ONEDNN} (tools/fetch-onednn3 puts one there)")
    endif()
endif()

# pb_library(TARGET PACKAGE HEADER LIBRARY...): an imported target Patchbay::TARGET.
function(pb_library target package header)
    find_path(PB_${target}_INCLUDE ${header})
    find_library(PB_${target}_LIBRARY NAMES ${ARGN})
    mark_as_advanced(PB_${target}_INCLUDE PB_${target}_LIBRARY)
    if(NOT PB_${target}_INCLUDE OR NOT PB_${target}_LIBRARY)
        list(APPEND PATCHBAY_MISSING ${package})
        set(PATCHBAY_MISSING "${PATCHBAY_MISSING}" PARENT_SCOPE)
        return()
    endif()
    add_library(Patchbay::${target} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(Patchbay::${target} PROPERTIES
        IMPORTED_LOCATION "${PB_${target}_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${PB_${target}_INCLUDE}")
endfunction()

pb_library(zmq libzmq3-dev zmq.h zmq)
pb_library(crypto libssl-dev openssl/evp.h crypto)
pb_library(jansson libjansson-dev jansson.h jansson)
pb_library(dnnl libdnnl-dev oneapi/dnnl/dnnl.h dnnl)
pb_library(lapacke liblapacke-dev lapacke.h lapacke)
pb_library(pcre2 libpcre2-dev pcre2.h pcre2-8)
pb_library(sqlite libsqlite3-dev sqlite3.h sqlite3)
pb_library(utf8proc libutf8proc-dev utf8proc.h utf8proc)
pb_library(edit libedit-dev histedit.h edit)
pb_library(curl libcurl4-openssl-dev curl/curl.h curl)
if(PATCHBAY_TESTS)
    pb_library(cmocka libcmocka-dev cmocka.h cmocka)
endif()

if(PATCHBAY_MISSING)
    list(JOIN PATCHBAY_MISSING " " PATCHBAY_MISSING)
    message(FATAL_ERROR "Missing libraries. On Debian or Ubuntu: apt-get install ${PATCHBAY_MISSING}")
endif()
