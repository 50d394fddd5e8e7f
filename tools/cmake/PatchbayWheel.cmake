# Puts what the program installs into the places of a wheel: the program and its data into the
# package, where auditwheel can give it its libraries, and all else below the environment's prefix.
set(stage "${CMAKE_INSTALL_PREFIX}/stage")
set(from "${stage}/patchbay")
set(package "${CMAKE_INSTALL_PREFIX}/patchbay_jupyter")
execute_process(COMMAND "${program}" install --prefix /patchbay --destdir "${stage}"
    COMMAND_ERROR_IS_FATAL ANY)

# The environment's command `patchbay` starts the program: of where the package lies, a kernelspec
# knows nothing, and of where it lies itself, only Jupyter does.
set(spec "${from}/share/jupyter/kernels/patchbay/kernel.json")
file(READ "${spec}" text)
string(REPLACE "/patchbay/bin/patchbay" "{resource_dir}/../../../../bin/patchbay" text "${text}")
file(WRITE "${spec}" "${text}")
file(WRITE "${from}/share/jupyter/labextensions/patchbay-labextension/install.json"
    "{\"packageManager\": \"python\", \"packageName\": \"patchbay-kernel\",\n"
    " \"uninstallInstructions\": \"pip uninstall patchbay-kernel\"}\n")
file(WRITE "${from}/share/patchbay/came-by-pip" "Its libraries lie beside it.\n")

file(MAKE_DIRECTORY "${package}/share" "${data}")
file(RENAME "${from}/bin" "${package}/bin")
file(RENAME "${from}/share/patchbay" "${package}/share/patchbay")
file(RENAME "${from}/share" "${data}/share")
file(REMOVE_RECURSE "${stage}")
