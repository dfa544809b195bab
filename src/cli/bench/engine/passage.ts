/** A text to be summarised and asked about, about 330 tokens. */
export const passage = `The town of Harlow Bridge lies where the river Senn leaves the hills. For three hundred years its people
made paper: the water was clear and fast, and the forests above the valley gave all the wood that the mills needed. At the
height of the trade eleven mills stood along the river, and every second family in the town worked in one of them. The paper
was shipped down the Senn on flat boats, and the largest newspapers of the coast were printed on it.

The trade ended within ten years. New mills near the harbour made paper from imported pulp at half the cost, and one after
another the mills of Harlow Bridge closed. The last of them, the Upper Mill, stopped its machines in the spring of 1968. Many
families moved to the coast. Those who stayed kept sheep, or drove an hour to the factories of the next valley.

Today the town lives from visitors. The Upper Mill has become a museum, where a machine of 1903 still makes paper by the hand
of volunteers on Sundays. A path for walkers follows the river past the ruins of the other ten mills, with a board at each that
tells who worked there and what was made. Two hotels and a school for book binding have opened in the old warehouses. Last
year forty thousand people came, most of them in summer, and the town council now plans a small train that would bring them up
from the coast without a car. Not everyone is pleased: some say that the valley is loud enough, and that the money should go
into the school and the doctor's house instead.`
