// Which databases this process has open, in whichever of its JavaScript environments.

#pragma once

#include <memory>
#include <string>

namespace sampan {

class Database;

// Any thread. RocksDB's own lock file does not help within a process: POSIX gives a lock again to
// the process that has it. False when the directory (see DirectoryIdentity) is open already.
bool ClaimDirectory(const std::string& identity);
void ReleaseDirectory(const std::string& identity);

// A database whose threads run. When the process leaves through exit() they are ended first, since
// the destructors that follow take the ground from under them.
void RegisterRunning(const std::shared_ptr<Database>& database);
void UnregisterRunning(const Database* database);

// Handlers of exit() run in the opposite order of their registration, mixed with the destructors of
// RocksDB's statics: called whenever a part of RocksDB may have been used for the first time.
void EndDatabasesAtExit();

}  // namespace sampan
