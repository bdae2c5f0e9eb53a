package import Foundations

/// What was seen of the machine of a core; the judgement reads it and does nothing else.
package struct MachineFacts: Sendable {
    /// A file or folder with its owner and mode.
    package struct Entry: Sendable, Hashable {
        package let path: String
        /// Its permission bits, such as `0o600`.
        package let mode: UInt32
        package let isOwn: Bool

        package init(path: String, mode: UInt32, isOwn: Bool) {
            (self.path, self.mode, self.isOwn) = (path, mode, isOwn)
        }
    }

    /// What became of opening the storage for reading.
    package enum Storage: Sendable, Hashable {
        /// A first start makes it.
        case absent(folder: String)
        case good(String)
        case bad(String)
    }

    /// A core that is registered here.
    package struct RunningCore: Sendable, Hashable {
        package let name: String
        /// The answer to `/health/ready`; `nil` where there was none.
        package let status: Int?
        /// How far its clock is from the doctor's.
        package let clockOffset: Milliseconds?

        package init(name: String, status: Int?, clockOffset: Milliseconds?) {
            (self.name, self.status, self.clockOffset) = (name, status, clockOffset)
        }
    }

    /// Why a core would not start with the configuration.
    package var configurationProblem: String?
    /// What it would note.
    package var configurationNotes: [String] = []
    package var storage: Storage?
    /// The data folder and what is in it.
    package var privateEntries: [Entry] = []
    /// Files with secrets that are read but not made by the core: the configuration, keys.
    package var secretFiles: [Entry] = []
    /// Room on the disk of the data folder, in bytes.
    package var freeBytes: UInt64?
    /// How many descriptors a process may have open at most; `nil` where nothing says.
    package var descriptorLimit: UInt64?
    package var time = Timestamp(milliseconds: 0)
    /// When the newest file of the data folder was written.
    package var newestFile: Timestamp?
    package var cores: [RunningCore] = []
    /// What the examination of a PostgreSQL database found.
    package var database: [Diagnosis] = []

    package init() {}
}
