# The engine with three sites more, as a person would add them: a name in pb_site, a row in the
# table, and the line of the forward pass that shows it. They are what q, k and v are; the last row says no more than what the site has. Layers `model_more` and
# `study_more` are built of the same sources, but for the three files that change.
set(MORE ${CMAKE_CURRENT_BINARY_DIR}/more_sites)
set(MODEL ${CMAKE_SOURCE_DIR}/engine/model)

# Writes a copy of engine/model/FILE with TEXT behind the one place where it reads PLACE.
function(add_behind file place text)
    file(READ ${MODEL}/${file} whole)
    string(REPLACE "${place}" "${place}${text}" changed "${whole}")
    string(LENGTH "${whole}" before)
    string(LENGTH "${changed}" after)
    string(LENGTH "${text}" added)
    math(EXPR expected "${before} + ${added}")
    if(NOT after EQUAL expected)
        message(FATAL_ERROR "tests/study/more_sites.cmake: ${file} does not read '${place}' once")
    endif()
    file(CONFIGURE OUTPUT ${MORE}/${file} CONTENT "${changed}" @ONLY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${MODEL}/${file})
endfunction()

add_behind(include/model/sites.h "    PB_SITE_V,\n"
    "    PB_SITE_TWIN_Q,\n    PB_SITE_TWIN_K,\n    PB_SITE_TWIN_V,\n")

add_behind(sites.c "static const pb_site_row sites[PB_N_SITES] = {\n" [[
    [PB_SITE_TWIN_Q] = {.name = "twin_q",
                       .hook = "attn.hook_twin_q",
                       .summary = "queries, shown twice",
                       .layers = true,
                       .heads = "head",
                       .features = "d_head",
                       .stage = PB_STAGE_LAYER,
                       .rows_alone = true},
    [PB_SITE_TWIN_K] = {.name = "twin_k",
                       .hook = "attn.hook_twin_k",
                       .summary = "keys, shown twice",
                       .layers = true,
                       .heads = "head",
                       .features = "d_head",
                       .stage = PB_STAGE_LAYER},
    [PB_SITE_TWIN_V] = {.name = "twin_v",
                       .hook = "attn.hook_twin_v",
                       .summary = "values, shown twice",
                       .layers = true,
                       .heads = "head",
                       .features = "d_head"},
]])

add_behind(blocks.c
    "        status = show_heads(pass, PB_SITE_V, pass->values, pass->qkv_stride, pass->rows,
                            pass->n_rows, error);\n"
    [[
    if (!status)
        status = show_heads(pass, PB_SITE_TWIN_Q, pass->queries, pass->query_stride,
                            pass->query_rows, pass->n_queries, error);
    if (!status)
        status = show_heads(pass, PB_SITE_TWIN_K, pass->keys, pass->qkv_stride, pass->rows,
                            pass->n_rows, error);
    if (!status)
        status = show_heads(pass, PB_SITE_TWIN_V, pass->values, pass->qkv_stride, pass->rows,
                            pass->n_rows, error);
]])

function(more_layer layer)
    get_target_property(folder ${layer} SOURCE_DIR)
    get_target_property(sources ${layer} SOURCES)
    get_target_property(needed ${layer} LINK_LIBRARIES)
    get_target_property(options ${layer} COMPILE_OPTIONS)
    list(TRANSFORM needed REPLACE "^model$" model_more)
    set(all "")
    foreach(source ${sources})
        if(layer STREQUAL model AND EXISTS ${MORE}/${source})
            list(APPEND all ${MORE}/${source})
        else()
            list(APPEND all ${folder}/${source})
        endif()
    endforeach()
    add_library(${layer}_more STATIC ${all})
    target_include_directories(${layer}_more
        PUBLIC ${MORE}/include ${folder}/include
        PRIVATE ${folder})
    target_link_libraries(${layer}_more PUBLIC ${needed})
    if(options)
        target_compile_options(${layer}_more PRIVATE ${options})
    endif()
endfunction()

more_layer(model)
more_layer(study)
