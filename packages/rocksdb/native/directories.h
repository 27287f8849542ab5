// Directories that are there after a power loss, too.

#pragma once

#include <string>

#include "failure.h"

namespace sampan {

// Makes `path` and what is missing above it, each name synced into its parent.
Failure MakeDirectories(const std::string& path);

// Syncs the directory that holds the name `path`. A parent that may not be read is left alone.
Failure SyncParent(const std::string& path);

// Device and inode: the same for every path that leads to the directory.
Failure DirectoryIdentity(const std::string& path, std::string* identity);

}  // namespace sampan
