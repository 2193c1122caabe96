"""What `invoke` offers: arguments and their help; the work itself is in the modules beside this folder."""

from invoke.collection import Collection

from tasks.commands import (
    clients,
    cloud,
    daily,
    db,
    keys,
    letters,
    module,
    openapi,
    project,
    stage,
    test,
    users,
)

namespace = Collection(
    *Collection.from_module(daily).tasks.values(), *Collection.from_module(cloud).tasks.values()
)
for each in (clients, db, keys, letters, module, openapi, project, stage, test, users):
    namespace.add_collection(Collection.from_module(each))
