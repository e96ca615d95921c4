# SPDX-License-Identifier: Apache-2.0
# Run by CPack after it has built the packages. CPack gives a package with a library maintainer
# scripts that call ldconfig; the package has a trigger for that (policy 8.1.1), so they go.
foreach(package ${CPACK_PACKAGE_FILES})
  if(package MATCHES "/libgptj[0-9.]+_[^/]*\\.deb$")
    set(unpacked "${CPACK_TEMPORARY_DIRECTORY}/unpacked")
    execute_process(COMMAND dpkg-deb -R "${package}" "${unpacked}" COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE "${unpacked}/DEBIAN/postinst" "${unpacked}/DEBIAN/postrm")
    execute_process(COMMAND dpkg-deb --root-owner-group -b "${unpacked}" "${package}"
      OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE_RECURSE "${unpacked}")
  endif()
endforeach()
