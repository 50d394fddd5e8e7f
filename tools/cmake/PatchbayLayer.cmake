# pb_layer(NAME SOURCES a.c b.c DEPENDS base io LIBRARIES Patchbay::zmq)
#
# A layer is a static library. Its public headers lie in include/NAME beside its sources and are
# included as "NAME/file.h"; its private headers lie beside the sources. DEPENDS names the layers
# whose headers it may include, itself or through the headers of others: none are passed on, only
# linked. SEES names layers whose headers it may include and which whoever links it brings along.
function(pb_layer name)
    cmake_parse_arguments(LAYER "" "" "SOURCES;DEPENDS;SEES;LIBRARIES" ${ARGN})
    add_library(${name} STATIC ${LAYER_SOURCES})
    target_include_directories(${name}
        PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include
        PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE ${LAYER_DEPENDS} ${LAYER_LIBRARIES})
    foreach(seen ${LAYER_SEES})
        target_include_directories(${name}
            PRIVATE $<TARGET_PROPERTY:${seen},INTERFACE_INCLUDE_DIRECTORIES>)
    endforeach()
endfunction()

# pb_test(NAME SOURCES test_x.c DEPENDS math): one cmocka program, run by ctest under NAME.
# The working directory is the source tree, so that fixtures are named relative to it. LABELS leave
# it out of runs of tools/test: slow out of valgrind's, long out of the daily ones under sanitizers,
# alone (it has one thread) out of the thread sanitizer's.
function(pb_test name)
    cmake_parse_arguments(TEST "" "" "SOURCES;DEPENDS;LIBRARIES;LABELS" ${ARGN})
    add_executable(${name} ${TEST_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
    target_link_libraries(${name} PRIVATE ${TEST_DEPENDS} ${TEST_LIBRARIES} Patchbay::cmocka)
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES TIMEOUT 1200 LABELS "unit;${TEST_LABELS}")
endfunction()
