# SPDX-License-Identifier: Apache-2.0
# Removes the files that the last `cmake --install BUILD` copied, and folders that are empty then:
# cmake -DBUILD=build -P uninstall.cmake
if(NOT EXISTS "${BUILD}/install_manifest.txt")
  message(FATAL_ERROR "${BUILD}/install_manifest.txt: expected the list that `cmake --install` "
                      "writes, found none; nothing was installed from this build folder")
endif()
file(STRINGS "${BUILD}/install_manifest.txt" files)
set(folders "")
foreach(file ${files})
  file(REMOVE "$ENV{DESTDIR}${file}")
  cmake_path(GET file PARENT_PATH folder)
  list(APPEND folders "${folder}")
endforeach()
# From the deepest upwards, as long as a folder is empty.
list(REMOVE_DUPLICATES folders)
foreach(folder ${folders})
  while(NOT folder STREQUAL "/")
    file(GLOB left "$ENV{DESTDIR}${folder}/*" "$ENV{DESTDIR}${folder}/.*")
    if(left OR NOT IS_DIRECTORY "$ENV{DESTDIR}${folder}")
      break()
    endif()
    file(REMOVE_RECURSE "$ENV{DESTDIR}${folder}")
    cmake_path(GET folder PARENT_PATH folder)
  endwhile()
endforeach()
file(REMOVE "${BUILD}/install_manifest.txt")
